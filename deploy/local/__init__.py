"""The mesh on this machine: PostgreSQL, RabbitMQ, the stand-ins for the outside world and six services, each its own process.

`Mesh` starts, watches and stops one instance; everything an instance is lives in `.paymesh/<instance>/`. `./paymesh` is its command line.
"""
