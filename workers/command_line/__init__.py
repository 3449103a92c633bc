"""The command line `everycore`: the same engine as the window, driven on the main thread.

`parser` turns arguments into options, `dispatch` carries them out; each module imports what it
needs only when its command runs, so that `everycore --help` stays quick.
"""
