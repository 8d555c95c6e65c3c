"""Purchasing systems an approved purchase can go to; each file is one plugin with `PLUGIN`."""
