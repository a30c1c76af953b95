"""`python -m lockgate`: the command line."""

from lockgate.cli import main

if __name__ == "__main__":
    main()
