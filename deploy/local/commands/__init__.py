"""The commands of `./paymesh`, one file each."""
