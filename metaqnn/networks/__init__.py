"""Networks of layers over images: written down, costed, built, trained, drawn, retrained and exported."""
