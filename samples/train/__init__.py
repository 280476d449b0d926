"""Scripts that made the sample models and photos: drawing scenes, training, export, evaluation."""
