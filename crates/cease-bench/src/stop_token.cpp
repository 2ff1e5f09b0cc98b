// Rounds with C++'s std::stop_token: one for each line "row count" on standard input, until that ends; each answer is the
// nanoseconds for one operation.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <latch>
#include <memory>
#include <stop_token>
#include <string>
#include <thread>

#include <sched.h>

using Clock = std::chrono::steady_clock;

// Calls `act` so many times, and returns nanoseconds for one.
template <class Act> double timed(long count, Act act) {
    auto start = Clock::now();
    for (long i = 0; i < count; ++i) {
        act();
        asm volatile("" ::: "memory");
    }
    return std::chrono::duration<double, std::nano>(Clock::now() - start).count() / static_cast<double>(count);
}

// Keeps the calling thread on the `number`th of the `given` processors, counted round.
void pin(const cpu_set_t& given, int number) {
    int left = number % CPU_COUNT(&given);
    for (int processor = 0; processor < CPU_SETSIZE; ++processor) {
        if (CPU_ISSET(processor, &given) && left-- == 0) {
            cpu_set_t one;
            CPU_ZERO(&one);
            CPU_SET(processor, &one);
            sched_setaffinity(0, sizeof one, &one);
        }
    }
}

// What keeps the compiler from knowing where a token comes from.
template <class T> T& opaque(T& value) {
    T* pointer = &value;
    asm volatile("" : "+r"(pointer) : : "memory");
    return *pointer;
}

double poll(const std::stop_token& shared, long count) {
    const std::stop_token& token = opaque(shared);
    return timed(count, [&] {
        if (token.stop_requested()) std::abort();
    });
}

double poll_on_two(long count) {
    cpu_set_t given;
    if (sched_getaffinity(0, sizeof given, &given) != 0) std::abort();
    std::stop_source source;
    std::stop_token token = source.get_token();
    std::latch both(2);
    double times[2];
    auto on = [&](int processor) {
        pin(given, processor);
        both.arrive_and_wait();
        times[processor] = poll(token, count);
    };
    std::thread first(on, 0), second(on, 1);
    first.join();
    second.join();
    return std::max(times[0], times[1]);
}

double measure(const std::string& row, long count) {
    std::stop_source source;
    std::stop_token token = source.get_token();
    long mark = 7;
    auto callback = [mark = opaque(mark)] { asm volatile("" : : "r"(mark)); };
    using Callback = std::stop_callback<decltype(callback)>;
    if (row == "poll") return poll(token, count);
    if (row == "poll-on-two") return poll_on_two(count);
    if (row == "source") return timed(count, [] {
        std::stop_source source;
        opaque(source);
    });
    if (row == "callback") return timed(count, [&] {
        Callback guard(token, callback);
        opaque(guard);
    });
    if (row == "callback-boxed") return timed(count, [&] {
        auto guard = std::make_unique<Callback>(token, callback);
        opaque(guard);
    });
    std::abort();
}

int main() {
    std::string row;
    long count;
    while (std::cin >> row >> count) {
        std::printf("%.6f\n", measure(row, count));
        std::fflush(stdout);
    }
}
