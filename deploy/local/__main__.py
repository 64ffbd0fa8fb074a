"""`python -m deploy.local`, which `./paymesh` runs."""

from deploy.local.cli import main

main()
