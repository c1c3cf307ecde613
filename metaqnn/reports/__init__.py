"""What searches and comparisons say, as tables, figures and pages."""
