"""Stripe's API as its documentation has it: as much as the official client and the mesh's codec need, over the accounts' books."""
