"""What a report says of networks beyond what holds for any search: layers, recipes, retrainings."""
