"""What a person fills in to have something planned, or changed as an edit; a file for each thing to do."""
