"""The page that sets up a run: a form made from RunConfig's own schema, and the forecast beside it. What it says of
fields and bounds is never written twice."""
