"""What sign-in means: rules over plain values, with the standard library only."""
