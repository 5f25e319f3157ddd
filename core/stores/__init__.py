"""The only SQL of the kernel. Each function takes the connection first and opens no transaction."""
