"""The words of Lockgate as frozen dataclasses and Protocols; nothing here reads or writes anything."""
