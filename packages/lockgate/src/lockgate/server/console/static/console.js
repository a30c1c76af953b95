// What pages gain with JavaScript; without it they are whole.
