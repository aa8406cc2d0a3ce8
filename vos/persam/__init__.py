"""The method, on embeddings: similarity, target features, location prior, cascade, PerSAM-F.

May import sam and the ground; opens no file and knows no option tree.
"""
