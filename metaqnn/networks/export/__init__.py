"""A retrained network in the formats of others, compared with what it predicts here."""
