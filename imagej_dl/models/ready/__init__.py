"""Ready models: model folders that come with the package, each with a card.

A folder here that holds a `card.json` is a ready model, known by the folder's name to every
command, dialog and function that takes a model. bench/ready_models.py trains them.
"""
