"""Remaining life on the node: fleets of like assets, learned from their values and the maintenance history.

A fleet has versions; the active one forecasts every asset, writes the forecast as properties of the asset, and files a finding
when little is left.
"""
