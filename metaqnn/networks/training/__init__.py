"""How good a network is: the recipe of a training, the Keras model, and the epochs."""
