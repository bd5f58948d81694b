"""What people do in the console, each the procedures of one product."""
