"""Lockgate brings a business's data into a tested warehouse and changes how, without breaking a number."""
