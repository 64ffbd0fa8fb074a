"""How fast the mesh is and what a payment costs, measured beside a floor of the same work without any logic."""
