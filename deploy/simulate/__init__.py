"""How well the router decides: worlds of gateways that change, played with a virtual clock through its own decision code and through the
learning and breaker code of metrics. Beside the services it is the second place where their pure parts are put together.
"""
