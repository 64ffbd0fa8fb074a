"""`python -m tests.contracts.golden`"""

from tests.contracts.golden import write

if __name__ == "__main__":
    write()
