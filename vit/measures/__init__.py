"""Numbers about a model and a picture: one file a measure. Like a method, a measure sees no model.

One that must run the model again (faithfulness) is given a callable.
"""
