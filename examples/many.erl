%% Ten thousand Erlang processes on as many schedulers as there are cores.
%%
%%     erlc examples/many.erl
%%     schedviz -- erl -noshell -s many main [-extra PROCESSES [ROUNDS]]
%%
%% Look for: the processes are Erlang's own and unseen. The kernel has a busy thread for each scheduler (1_scheduler,
%% 2_scheduler), and some twenty others that sleep. A scheduler goes on to the next process after 4000 calls, which is far
%% less than a millisecond, without a switch of the kernel's. +S 1 after erl: one scheduler.
-module(many).
-export([main/0]).

argument(I, Otherwise) ->
    case lists:nthtail(min(I, length(init:get_plain_arguments())), init:get_plain_arguments()) of
        [Word | _] -> list_to_integer(Word);
        [] -> Otherwise
    end.

compute(0, X) -> X;
compute(Rounds, X) -> compute(Rounds - 1, (X * 69069 + 1) band 16#7fffffff).

main() ->
    Processes = argument(0, 10000),
    Rounds = argument(1, 10000),
    Parent = self(),
    Pids = [spawn(fun() -> Parent ! {self(), compute(Rounds, I)} end) || I <- lists:seq(1, Processes)],
    Sum = lists:sum([receive {Pid, X} -> X end || Pid <- Pids]),
    io:format("~b processes on ~b schedulers: ~b~n", [Processes, erlang:system_info(schedulers_online), Sum]),
    halt(0).
