"""Operations of a network's graph: what each gives, costs, and how it is computed, stored and drawn; one a file."""
