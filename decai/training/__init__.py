"""Training: the integer trainer, its data, and the jobs that run it.

Importing this costs nothing: each part is a module of its own.

* `decai.training.trainer`: one step, a segment, predictions, chunk bytes
* `decai.training.projection`: from embeddings to integer features
* `decai.training.sets`: chunked training and evaluation sets
* `decai.training.lexicon`: the first model's data
* `decai.training.task`, `worker`, `service`: jobs
"""
