"""What outcomes teach of gateways and experiments: rates, percentiles, breakers, estimates. Time is an argument."""
