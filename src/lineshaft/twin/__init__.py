"""The room twin (under construction)."""
