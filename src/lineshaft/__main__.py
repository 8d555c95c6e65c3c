"""`python -m lineshaft` is `lineshaft`."""

from lineshaft.cli import main

if __name__ == "__main__":
    main()
