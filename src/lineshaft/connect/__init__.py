"""The room connect (under construction)."""
