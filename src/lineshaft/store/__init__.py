"""The room store (under construction)."""
