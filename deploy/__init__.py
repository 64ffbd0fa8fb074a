"""How the mesh is run: on this machine, in containers, in a cluster; and what tries it: sandbox, benchmark, fault campaign."""
