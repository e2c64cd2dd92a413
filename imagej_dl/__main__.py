from imagej_dl.cli import main

main()
