// Trains a network on a Trainyard server, follows it, and prints the confusion matrix.

import { ChannelCredentials, credentials, Metadata, ServiceError, status } from "@grpc/grpc-js";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";

import {
  CreateDatasetRequest,
  Dataset,
  Dataset_State,
  DatasetServiceClient,
  GeneratorSource_Kind,
} from "./generated/trainyard/v1/dataset";
import {
  ConfusionMatrix,
  CreateEvaluationRequest,
  Evaluation,
  Evaluation_State,
  EvaluationServiceClient,
} from "./generated/trainyard/v1/evaluation";
import { CreateNetworkRequest, Network, NetworkServiceClient } from "./generated/trainyard/v1/network";
import {
  CreateTrainingJobRequest,
  TrainingEvent,
  TrainingJob,
  TrainingJob_State,
  TrainingServiceClient,
  WatchTrainingJobRequest,
} from "./generated/trainyard/v1/training";

const ME = "users/me";
// How long a server may be away, in milliseconds.
const PATIENCE = 30_000;

const { values } = parseArgs({
  options: {
    server: { type: "string", default: process.env.TRAINYARD_SERVER ?? "127.0.0.1:7700" },
    // PEM file of a class's authority; plaintext without it.
    authority: { type: "string" },
    id: { type: "string", default: "ts" },
    rows: { type: "string", default: "1000" },
    epochs: { type: "string", default: "5" },
    "learning-rate": { type: "string", default: "0.1" },
  },
});

// Of a server on this machine that has one user, or with an authority and a token of a
// class's.
function channelCredentials(authority?: string, token?: string): ChannelCredentials {
  if (authority === undefined) return credentials.createInsecure();
  const tls = credentials.createSsl(readFileSync(authority));
  if (!token) return tls;
  const metadata = new Metadata();
  metadata.set("authorization", `Bearer ${token}`);
  const sender = credentials.createFromMetadataGenerator((_, done) => done(null, metadata));
  return credentials.combineChannelCredentials(tls, sender);
}

const channel = [
  values.server,
  channelCredentials(values.authority, process.env.TRAINYARD_TOKEN),
  {
    // Finds out that the other side is gone where nothing says so.
    "grpc.keepalive_time_ms": 30_000,
    "grpc.keepalive_timeout_ms": 20_000,
    // The authority signs for one server, whatever name it is reached by.
    ...(values.authority && {
      "grpc.ssl_target_name_override": "trainyard",
      "grpc.default_authority": "trainyard",
    }),
  },
] as const;
const datasets = new DatasetServiceClient(...channel);
const networks = new NetworkServiceClient(...channel);
const training = new TrainingServiceClient(...channel);
const evaluations = new EvaluationServiceClient(...channel);

// The answer of a unary call.
function ask<Q, A>(
  method: (request: Q, callback: (error: ServiceError | null, answer: A) => void) => unknown,
  request: Q,
): Promise<A> {
  return new Promise((resolve, reject) => {
    method(request, (error, answer) => (error ? reject(error) : resolve(answer)));
  });
}

async function makeDigits(): Promise<Dataset> {
  let dataset = await ask<CreateDatasetRequest, Dataset>(
    datasets.createDataset.bind(datasets),
    CreateDatasetRequest.fromPartial({
      parent: ME,
      datasetId: `${values.id}-digits`,
      dataset: {
        source: {
          $case: "generator",
          value: { kind: GeneratorSource_Kind.DIGITS, rowCount: BigInt(values.rows), seed: 1n },
        },
      },
    }),
  );
  while (dataset.state === Dataset_State.INGESTING) {
    await sleep(20);
    dataset = await ask(datasets.getDataset.bind(datasets), { name: dataset.name });
  }
  if (dataset.state !== Dataset_State.ACTIVE) throw new Error(dataset.error?.message);
  return dataset;
}

function makeNetwork(): Promise<Network> {
  return ask<CreateNetworkRequest, Network>(
    networks.createNetwork.bind(networks),
    CreateNetworkRequest.fromPartial({
      parent: ME,
      networkId: `${values.id}-net`,
      network: { spec: { inputCount: 784, layers: [{ units: 200 }, { units: 10 }] } },
    }),
  );
}

function train(network: Network, dataset: Dataset): Promise<TrainingJob> {
  return ask<CreateTrainingJobRequest, TrainingJob>(
    training.createTrainingJob.bind(training),
    CreateTrainingJobRequest.fromPartial({
      parent: ME,
      jobId: values.id,
      job: {
        spec: {
          network: network.name,
          dataset: dataset.name,
          epochs: Number(values.epochs),
          learningRate: Number(values["learning-rate"]),
        },
      },
      requestId: values.id,
    }),
  );
}

// A job's events until it has ended. The last sequence that was seen is the cursor: a
// stream that breaks is opened again after it.
async function* watch(job: string): AsyncGenerator<TrainingEvent> {
  let cursor = 0n;
  let since = Date.now();
  while (true) {
    const request = WatchTrainingJobRequest.fromPartial({ name: job, afterSequence: cursor });
    try {
      for await (const message of training.watchTrainingJob(request)) {
        since = Date.now();
        if (message.kind?.$case !== "event") continue;
        cursor = message.kind.value.sequence;
        yield message.kind.value;
      }
      return;
    } catch (error) {
      const code = (error as ServiceError).code;
      if (code !== status.UNAVAILABLE || Date.now() - since > PATIENCE) throw error;
      console.error(`interrupted after event ${cursor}`);
      await sleep(250);
    }
  }
}

function show(event: TrainingEvent): string {
  switch (event.kind?.$case) {
    case "epoch":
      return `${event.sequence} epoch ${event.kind.value.epoch} cost ${event.kind.value.cost}`;
    case "stateChange":
      return `${event.sequence} ${TrainingJob_State[event.kind.value.state]}`;
    default:
      return `${event.sequence} -`;
  }
}

async function evaluate(job: string, dataset: string): Promise<Evaluation> {
  let evaluation = await ask<CreateEvaluationRequest, Evaluation>(
    evaluations.createEvaluation.bind(evaluations),
    CreateEvaluationRequest.fromPartial({ parent: job, evaluation: { dataset } }),
  );
  while (evaluation.state === Evaluation_State.RUNNING) {
    await sleep(20);
    evaluation = await ask(evaluations.getEvaluation.bind(evaluations), { name: evaluation.name });
  }
  if (evaluation.state !== Evaluation_State.SUCCEEDED) throw new Error(evaluation.error?.message);
  return evaluation;
}

// Rows are the truth, columns the prediction.
function rowsOf(matrix: ConfusionMatrix): string[] {
  return Array.from({ length: matrix.size }, (_, row) =>
    matrix.counts.slice(row * matrix.size, (row + 1) * matrix.size).join(" "),
  );
}

async function main(): Promise<void> {
  const dataset = await makeDigits();
  const job = await train(await makeNetwork(), dataset);
  for await (const event of watch(job.name)) console.log(show(event));
  const evaluation = await evaluate(job.name, dataset.name);
  console.log(`accuracy ${evaluation.accuracy?.toFixed(4)}`);
  console.log("confusion matrix");
  for (const row of rowsOf(evaluation.confusionMatrix!)) console.log(row);
}

main().then(
  () => process.exit(0),
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
