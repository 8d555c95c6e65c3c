"""Models of the plant's machines: trained from the store's values, tried in the shadow, then raising findings.

A model has versions; one may be active (its alerts become findings), one in the shadow (its alerts are only counted).
"""
