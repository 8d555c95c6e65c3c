"""The room doors (under construction)."""
