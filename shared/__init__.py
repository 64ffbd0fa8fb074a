"""The contracts every service speaks, and the kernel that keeps the promises. Knows no service."""
