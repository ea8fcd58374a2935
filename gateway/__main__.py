"""python -m gateway: the labelgate command."""

from gateway.cli.main import main

main()
