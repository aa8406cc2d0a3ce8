"""Test-time adaptation: the decoder practises on made-up views of the reference before it follows the object."""
