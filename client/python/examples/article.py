"""The article's prints, for objects that live on a server.

The objects of the article print a word in each of their hooks. Here the hooks
run on the server, and tell it by events.
"""

_WORDS = {
    "CONSTRUCTED": "init",
    "INITIALIZING": "await",
    "ENTERING": "enter",
    "EXITING": "exit",
}


def prints(event):
    """Prints the article's word for what happened, if it has one."""
    word = event.message if event.phase == "USED" else _WORDS.get(event.phase)
    if word is not None:
        print(word, flush=True)
