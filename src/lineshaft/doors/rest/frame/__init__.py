"""What every route of the REST door shares: who is asking, problems, paging, shapes with examples, and the armour."""
