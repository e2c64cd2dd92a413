"""Training on several machines at once, by TensorFlow's strategies and TF_CONFIG."""
