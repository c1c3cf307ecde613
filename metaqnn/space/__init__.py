"""What can be built: states, actions, transitions, and the cost of a network."""
