"""How many primes there are among the 1,000 numbers from n on, by trial division."""


def primes(n: int) -> int:
    """Return how many of the numbers are primes."""
    return sum(is_prime(number) for number in range(n, n + 1000))


def is_prime(number: int) -> bool:
    """Say whether nothing but 1 and itself divides the number."""
    if number < 4:
        return number > 1
    if number % 2 == 0:
        return False
    divisor = 3
    while divisor * divisor <= number:
        if number % divisor == 0:
            return False
        divisor += 2
    return True
