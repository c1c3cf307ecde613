-- One search. Scores, losses and epsilons as the search saw them; times in seconds or as ISO 8601 text in UTC.
-- A score is what the evaluator measures (config, key 'score'); what else it measures and what an architecture costs
-- stands in JSON by name. Columns marked "network:" are read out of those for searches over networks.
-- Two searches with the same seed and configuration agree in every row of config, models, evaluations,
-- learning_curves, replay and q_values, but for columns named *_seconds, *_at, device or node, and so in the chain of
-- episodes of hash_chains; final trainings with the same seeds and recipes agree in finals and final_curves likewise.

CREATE TABLE config (
    key   TEXT PRIMARY KEY,  -- 'experiment', 'seed', 'budget', 'data', 'score', 'plugins'; 'purpose' where it is no search
    value TEXT NOT NULL      -- JSON; what the search was started with and may not change
) STRICT, WITHOUT ROWID;

CREATE TABLE runs (
    run             INTEGER PRIMARY KEY,  -- one row a start, from 1
    started_at      TEXT NOT NULL,        -- when it started
    ended_at        TEXT,                 -- when it stopped in good order; NULL while running, or if it was killed
    elapsed_seconds REAL NOT NULL,        -- wall clock up to the last episode recorded or the end
    outcome         TEXT,                 -- completed, exhausted, interrupted, out_of_time, failed; NULL as ended_at
    first_episode   INTEGER NOT NULL,     -- the first episode that this run could record
    models          INTEGER NOT NULL,     -- the budget: distinct architectures in total
    workers         INTEGER NOT NULL,     -- worker processes
    pid             INTEGER NOT NULL,     -- process that ran it
    device          TEXT,                 -- what candidates were trained on; NULL until a worker was ready
    versions        TEXT NOT NULL,        -- JSON: package -> version
    changes         TEXT NOT NULL         -- JSON: what differs from the run before, as [key, old, new]
) STRICT;

CREATE TABLE models (
    model        INTEGER PRIMARY KEY,   -- from 1 in the order of first proposal
    architecture TEXT NOT NULL UNIQUE,  -- canonical text of its space
    costs        TEXT NOT NULL,         -- JSON: what it costs, by name, as its space says
    layers       INTEGER AS (json_extract(costs, '$.layers')),     -- network: layers, the softmax included
    parameters   INTEGER AS (json_extract(costs, '$.parameters')), -- network: weights and biases
    flops        INTEGER AS (json_extract(costs, '$.flops'))       -- network: 2 x multiply-adds of one forward pass
) STRICT;

CREATE TABLE evaluations (
    evaluation    INTEGER PRIMARY KEY,                        -- number reserved when the model was proposed
    model         INTEGER NOT NULL REFERENCES models (model), -- what was evaluated
    seed          INTEGER NOT NULL,                           -- all randomness of the evaluation derives from it
    purpose       TEXT NOT NULL CHECK (purpose IN ('search', 'table', 'final')), -- why it was evaluated
    status        TEXT NOT NULL,     -- ok; predicted: stopped early; else a failure: never_learned, diverged, out_of_memory, timed_out, crashed, hung, build_failed, too_large, failed
    reason        TEXT NOT NULL,     -- one sentence where the status is not ok, else empty
    score         REAL,              -- what it counts as, measured or predicted; NULL for a failure
    best_epoch    INTEGER,           -- the first epoch that reached the best score, from 1; NULL unless status is ok
    last_score    REAL,              -- after the last epoch, whatever the status; NULL where there was none
    figures       TEXT NOT NULL,     -- JSON: what else was measured, by name
    attempts      INTEGER NOT NULL,  -- fresh starts
    train_seconds REAL NOT NULL,     -- wall clock of all attempts
    recorded_at   TEXT NOT NULL,     -- when it was recorded
    device        TEXT NOT NULL,     -- what it was evaluated on
    predicted_epoch INTEGER,         -- epoch after which it was stopped, or, where status is ok, would have been
    predicted_score REAL,            -- score expected then of the whole evaluation; NULL where none
    predicted_low   REAL,            -- the same less a standard deviation
    predicted_high  REAL,            -- the same and a standard deviation
    node          TEXT NOT NULL,     -- machine of a cluster that it was evaluated on; empty where that is the search's own
    phase_seconds TEXT NOT NULL,     -- JSON: seconds of its worker by what it did, the wait before included; {} where not measured
    best_accuracy REAL AS (iif(status = 'ok', score, NULL)),           -- network: best validation accuracy, in [0, 1]
    last_accuracy REAL AS (last_score),                                -- network: validation accuracy after the last epoch
    learning_rate REAL AS (json_extract(figures, '$.learning_rate')),  -- network: initial rate of the last attempt
    predicted_accuracy REAL AS (predicted_score),                      -- network: best validation accuracy expected
    waiting_seconds     REAL AS (json_extract(phase_seconds, '$.waiting')),     -- for a proposal, since the evaluation before
    building_seconds    REAL AS (json_extract(phase_seconds, '$.building')),    -- network: its weights
    tracing_seconds     REAL AS (json_extract(phase_seconds, '$.tracing')),     -- network: its graphs
    training_seconds    REAL AS (json_extract(phase_seconds, '$.training')),    -- network: steps of the optimizer
    validation_seconds  REAL AS (json_extract(phase_seconds, '$.validation')),  -- network: of the validation images
    messages_seconds    REAL AS (json_extract(phase_seconds, '$.messages')),    -- network: telling the search of each epoch
    garbage_seconds     REAL AS (json_extract(phase_seconds, '$.garbage')),     -- network: letting go of it
    bookkeeping_seconds REAL AS (json_extract(phase_seconds, '$.bookkeeping'))  -- network: the rest
) STRICT;
CREATE INDEX evaluations_by_model ON evaluations (model);

CREATE TABLE learning_curves (
    evaluation    INTEGER NOT NULL REFERENCES evaluations (evaluation), -- whose curve
    attempt       INTEGER NOT NULL,  -- from 1
    epoch         INTEGER NOT NULL,  -- from 1
    score         REAL,              -- after the epoch; NULL if not finite
    figures       TEXT NOT NULL,     -- JSON: what else was measured, by name; null if not finite
    epoch_seconds REAL NOT NULL,     -- wall clock of the epoch
    learning_rate       REAL AS (json_extract(figures, '$.learning_rate')),   -- network: in force during the epoch
    train_loss          REAL AS (json_extract(figures, '$.train_loss')),      -- network: mean, in nats, weight decay included
    train_accuracy      REAL AS (json_extract(figures, '$.train_accuracy')),  -- network: mean, with dropout, in [0, 1]
    validation_loss     REAL AS (json_extract(figures, '$.validation_loss')), -- network: mean cross-entropy in nats
    validation_accuracy REAL AS (score),                                      -- network: in [0, 1]
    PRIMARY KEY (evaluation, attempt, epoch)
) STRICT, WITHOUT ROWID;

CREATE TABLE proposals (
    episode     INTEGER PRIMARY KEY,  -- sampled, but its result is not told yet
    iteration   INTEGER NOT NULL,     -- distinct architectures proposed so far, this one included
    recorded    TEXT NOT NULL,        -- JSON: what the strategy wants kept, such as its epsilon
    model       INTEGER NOT NULL REFERENCES models (model), -- what it proposes
    evaluation  INTEGER,              -- number reserved for its training; NULL where a known result is reused
    source      TEXT NOT NULL CHECK (source IN ('sampled', 'retried')), -- by the strategy, or by `replay retry`
    proposed_at TEXT NOT NULL,        -- when
    epsilon     REAL AS (json_extract(recorded, '$.epsilon')) -- exploration rate; NULL where there was none
) STRICT;

CREATE TABLE replay (
    episode     INTEGER PRIMARY KEY,  -- from 1 in the order of proposal, which is the order of learning
    iteration   INTEGER NOT NULL,     -- distinct architectures proposed up to here
    recorded    TEXT NOT NULL,        -- JSON: what the strategy wanted kept, such as its epsilon
    model       INTEGER NOT NULL REFERENCES models (model),             -- what was sampled
    evaluation  INTEGER NOT NULL REFERENCES evaluations (evaluation),   -- where the reward comes from
    score       REAL,                 -- measured or predicted; NULL for a failure
    reward      REAL NOT NULL,        -- what the strategy learned from
    reused      INTEGER NOT NULL CHECK (reused IN (0, 1)), -- 1: the network was known, nothing was trained
    source      TEXT NOT NULL CHECK (source IN ('sampled', 'retried', 'imported')), -- where the episode comes from
    recorded_at TEXT NOT NULL,        -- when it was recorded
    epsilon     REAL AS (json_extract(recorded, '$.epsilon')), -- exploration rate; NULL where there was none
    accuracy    REAL AS (score)       -- network: validation accuracy, measured or predicted
) STRICT;
CREATE INDEX replay_by_model ON replay (model, episode);

CREATE TABLE q_values (
    state   TEXT NOT NULL,     -- key of a state of the space, such as 3:C(64,3,1):4-7
    action  TEXT NOT NULL,     -- what is chosen in it
    value   REAL NOT NULL,     -- the estimate as of checkpoints.episode
    updates INTEGER NOT NULL,  -- how often it was updated
    PRIMARY KEY (state, action)
) STRICT, WITHOUT ROWID;

CREATE TABLE checkpoints (
    name    TEXT PRIMARY KEY,  -- 'q_values'
    episode INTEGER NOT NULL   -- the last episode that the table of that name has learned from
) STRICT, WITHOUT ROWID;

CREATE TABLE worker_events (
    event       INTEGER PRIMARY KEY,  -- facts about worker processes, which may differ between equal searches
    run         INTEGER NOT NULL REFERENCES runs (run), -- in which run
    worker      INTEGER NOT NULL,     -- from 1
    kind        TEXT NOT NULL CHECK (kind IN ('ready', 'lost')), -- what happened
    pid         INTEGER,              -- of a worker that became ready
    episode     INTEGER,              -- whose candidate a lost worker was training; NULL if none
    reason      TEXT NOT NULL,        -- why a worker was lost, else empty
    happened_at TEXT NOT NULL,        -- when
    node        TEXT NOT NULL,        -- its machine in a cluster; empty where that is the search's own
    machine     TEXT NOT NULL         -- JSON: processor and versions there, of a worker that became ready; {} where not asked
) STRICT;

CREATE TABLE finals (
    final               INTEGER PRIMARY KEY,  -- an architecture retrained after the search, from 1
    model               INTEGER NOT NULL REFERENCES models (model), -- whose architecture it is
    architecture        TEXT NOT NULL,        -- what was trained: the model's, with as many outputs as its data have classes
    seed                INTEGER NOT NULL,     -- all randomness of the training derives from it
    recipe              TEXT NOT NULL,        -- JSON: the section final that it is trained by
    dataset             TEXT NOT NULL,        -- JSON: the section dataset that it is trained on
    data                TEXT NOT NULL,        -- JSON: hashes, shape and classes of the images, as config.data
    part                TEXT NOT NULL CHECK (part IN ('train', 'train+validation')), -- the images it is trained on
    finetuned_from      INTEGER REFERENCES finals (final), -- whose weights it began with; NULL for fresh ones
    size                INTEGER NOT NULL,     -- numbers that make up what was retrained
    status              TEXT NOT NULL,        -- training until it ends; then ok, or a failure as in evaluations
    reason              TEXT NOT NULL,        -- one sentence where the training failed, else empty
    score               REAL,                 -- on held-out data after the last epoch; NULL before, and where none is
    train_seconds       REAL NOT NULL,        -- wall clock of all epochs so far
    started_at          TEXT NOT NULL,        -- when it was asked for
    ended_at            TEXT,                 -- when it ended; NULL until then
    device              TEXT NOT NULL,        -- what it was trained on; empty before it begins
    weights             TEXT,                 -- file of its weights in the folder beside the database; NULL for none
    parameters          INTEGER AS (size),    -- network: weights and biases, those of batch normalisation included
    validation_accuracy REAL AS (score)       -- network: in [0, 1]
) STRICT;
CREATE INDEX finals_by_model ON finals (model);

CREATE TABLE final_curves (
    final         INTEGER NOT NULL REFERENCES finals (final), -- whose curve
    epoch         INTEGER NOT NULL,  -- from 1
    score         REAL,              -- on held-out data; NULL where none is, or not finite
    figures       TEXT NOT NULL,     -- JSON: what else was measured, by name; null if not finite
    epoch_seconds REAL NOT NULL,     -- wall clock of the epoch
    learning_rate       REAL AS (json_extract(figures, '$.learning_rate')),   -- network: at the end of the epoch
    train_loss          REAL AS (json_extract(figures, '$.train_loss')),      -- network: mean, in nats, penalties included
    train_accuracy      REAL AS (json_extract(figures, '$.train_accuracy')),  -- network: mean, with dropout, in [0, 1]
    validation_loss     REAL AS (json_extract(figures, '$.validation_loss')), -- network: NULL where nothing is held out
    validation_accuracy REAL AS (score),                                      -- network: in [0, 1]
    PRIMARY KEY (final, epoch)
) STRICT, WITHOUT ROWID;

CREATE TABLE test_looks (
    look                INTEGER PRIMARY KEY,  -- every look at a test split, from 1; only `metaqnn evaluate`, `ensemble` and `datasets` make one
    kind                TEXT NOT NULL CHECK (kind IN ('network', 'average', 'greedy', 'checked')), -- one network, an ensemble, or the images alone
    finals              TEXT NOT NULL,        -- JSON: the finals tested; one that counts twice in an ensemble stands twice; [] where checked
    dataset             TEXT NOT NULL,        -- whose test split
    examples            INTEGER NOT NULL,     -- of the test split
    score               REAL,                 -- on the test split; NULL where its images were only checked
    validation_score    REAL,                 -- of the same on the validation examples; NULL where they were trained on
    command             TEXT NOT NULL,        -- what was run
    looked_at           TEXT NOT NULL,        -- when
    found               TEXT NOT NULL,        -- JSON: the doubts of a check, a text each; [] where none or no check
    figures             TEXT NOT NULL,        -- JSON: what else was measured on the test split, by name
    images              INTEGER AS (examples),     -- network: images of the test split
    accuracy            REAL AS (score),           -- network: on the test split, in [0, 1]
    validation_accuracy REAL AS (validation_score) -- network: in [0, 1]
) STRICT;

CREATE TABLE imported_rows (
    row     INTEGER PRIMARY KEY,  -- of the file that was imported, from 1 below its header
    net     TEXT NOT NULL,        -- the network as it is written there
    content TEXT NOT NULL,        -- JSON: the other columns, as they are written there
    episode INTEGER REFERENCES replay (episode), -- what it became; NULL where it was refused
    problem TEXT CHECK (problem IN ('unparsed', 'accuracy', 'illegal')), -- why it was refused; NULL where it was taken
    reason  TEXT NOT NULL         -- one sentence where it was refused, else empty
) STRICT;

CREATE TABLE hash_chains (
    chain  TEXT NOT NULL CHECK (chain IN ('episodes', 'retrainings', 'test_looks')), -- what it covers
    link   INTEGER NOT NULL,  -- from 1
    kind   TEXT NOT NULL CHECK (kind IN ('gap', 'config', 'seal', 'record', 'restart')), -- see metaqnn/replay/hash_chains.py
    record INTEGER,           -- number of the episode, the final that ended or began anew, or the look; else NULL
    note   TEXT NOT NULL,     -- what is missing where a damaged database was rescued, else empty
    hash   TEXT NOT NULL,     -- SHA-256 in hexadecimal of the hash before it and of what the link covers
    PRIMARY KEY (chain, link)
) STRICT, WITHOUT ROWID;

CREATE TABLE writer (
    writer   INTEGER PRIMARY KEY CHECK (writer = 1), -- the one process that writes; no row while nobody does
    host     TEXT NOT NULL,     -- its machine: name, and a digest of its number
    boot     TEXT NOT NULL,     -- since which start of the machine; empty where the system does not tell
    space    TEXT NOT NULL,     -- within which numbers of processes mean something, as of a container
    process  INTEGER NOT NULL,  -- its number
    start    TEXT NOT NULL,     -- when it began, as the system counts
    inode    TEXT NOT NULL,     -- of the file: a copy that is made meanwhile has another, and no writer
    taken_at TEXT NOT NULL      -- when it began to write here
) STRICT;

CREATE VIEW score_sign AS  -- 1 where a larger score is better, -1 where a smaller one is
SELECT iif('minimize' IN (SELECT json_extract(value, '$.direction') FROM config WHERE key = 'score'), -1, 1) AS sign;

CREATE VIEW leaderboard AS  -- every model with a result, the best first; best_accuracy is its score, whatever is measured
SELECT m.model, m.architecture, e.best_accuracy, e.best_epoch, m.layers, m.parameters, m.flops, e.train_seconds
FROM models m JOIN evaluations e ON e.evaluation = (
    SELECT evaluation FROM evaluations WHERE model = m.model AND purpose = 'search' AND status = 'ok'
    ORDER BY evaluation DESC LIMIT 1)
ORDER BY e.best_accuracy * (SELECT sign FROM score_sign) DESC, m.parameters, m.model;

CREATE VIEW failures AS  -- every model whose last evaluation failed, with the reason
SELECT m.model, m.architecture, e.status, e.reason, m.parameters, m.flops, e.attempts
FROM models m JOIN evaluations e ON e.evaluation = (
    SELECT max(evaluation) FROM evaluations WHERE model = m.model AND purpose = 'search')
WHERE e.status NOT IN ('ok', 'predicted') ORDER BY m.model;

CREATE VIEW predictions AS  -- every training that was stopped early or, as a control, would have been
SELECT e.model, e.evaluation, e.status, e.predicted_epoch, e.predicted_accuracy, e.predicted_low, e.predicted_high,
       e.best_accuracy, e.predicted_accuracy - e.best_accuracy AS error, m.architecture
FROM evaluations e JOIN models m USING (model) WHERE e.predicted_epoch IS NOT NULL ORDER BY e.evaluation;

CREATE VIEW epsilon_stages AS  -- what each epsilon gave: the bars of the paper's figure 3; the mean counts predictions
SELECT epsilon, count(*) AS episodes, sum(1 - reused) AS models, avg(accuracy) AS mean_accuracy,
       avg(reward) AS mean_reward,
       iif((SELECT sign FROM score_sign) > 0, max(best_accuracy), min(best_accuracy)) AS best_accuracy
FROM replay JOIN evaluations USING (evaluation) WHERE source = 'sampled' GROUP BY epsilon ORDER BY min(episode);

CREATE VIEW best_so_far AS  -- accuracy against episodes; the best counts what was trained to the end
SELECT episode, iteration, epsilon, r.model, accuracy,
       iif((SELECT sign FROM score_sign) > 0, max(e.best_accuracy) OVER (ORDER BY episode),
           min(e.best_accuracy) OVER (ORDER BY episode)) AS best_accuracy
FROM replay r JOIN evaluations e USING (evaluation) ORDER BY episode;

CREATE VIEW final_networks AS  -- every final training with its last test accuracy, if anybody looked
SELECT f.final, f.model, f.seed, json_extract(f.recipe, '$.name') AS recipe, json_extract(f.dataset, '$.name') AS dataset,
       f.part, f.status, f.validation_accuracy, l.accuracy AS test_accuracy, f.parameters, f.train_seconds, f.architecture
FROM finals f LEFT JOIN test_looks l ON l.look = (
    SELECT max(look) FROM test_looks WHERE kind = 'network' AND finals = '[' || f.final || ']')
ORDER BY f.final;
