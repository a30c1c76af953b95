"""`App`: one method a verb, each a short sentence in the words of the architecture."""
