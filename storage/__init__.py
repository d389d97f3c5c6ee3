"""What Cuelight keeps: the `Collection` contract, its engines, and one repository per aggregate."""
