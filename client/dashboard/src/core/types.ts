// The public messages as proto3 JSON has them, as far as the page reads them:
// 64-bit integers are strings, fields without presence are always there.

export interface Violation { field: string; description: string }

export interface Detail {
  '@type': string;
  reason?: string;
  metadata?: Record<string, string>;
  fieldViolations?: Violation[];
}

export interface Status { code: number; message: string; status?: string; details?: Detail[] }

export type JobState =
  | 'QUEUED' | 'RUNNING' | 'PAUSING' | 'PAUSED' | 'CANCELLING' | 'SUCCEEDED' | 'FAILED' | 'CANCELLED';

export interface Epoch {
  epoch: number;
  cost: number;
  meanCost: number;
  trainAccuracy?: number;
  validationCost?: number;
  validationAccuracy?: number;
  learningRate: number;
  seconds: number;
  samplesPerSecond: number;
  energyJoules: number;
  energySource: string;
}

export interface JobSpec {
  network: string;
  dataset: string;
  validationDataset?: string;
  epochs?: number;
  learningRate?: number;
  batchSize?: number;
  precision?: string;
  seed?: string;
  gradientReduction?: string;
  inputScaling?: string;
  optimizer?: Record<string, Record<string, unknown>>;
  schedule?: Record<string, unknown>;
  l1?: number;
  l2?: number;
  dropout?: number;
  earlyStopping?: { patience: number; minDelta: number };
  rng?: string;
  threads?: number;
  keepCheckpoints?: number;
  priority?: number;
}

export interface Estimate {
  parameterCount: string;
  memoryBytes: string;
  secondsPerEpoch: number;
  totalSeconds: number;
  measured: boolean;
}

export interface Job {
  name: string;
  uid: string;
  spec: JobSpec;
  state: JobState;
  epochsCompleted: number;
  attempt: number;
  weightsDigest: string;
  error?: Status;
  queuePosition: number;
  queueReason: string;
  queueWaitSeconds?: number;
  networkSpec: NetworkSpec;
  estimate?: Estimate;
  lastEpoch?: Epoch;
  kernelVariant: string;
  lastSequence: string;
  firstSequence: string;
  checkpointEpochs: number[];
  rowCount: string;
  forkedFrom?: { job: string; epoch: number };
  energyJoules: number;
  energySource: string;
  verifies: string;
  createTime: string;
  startTime?: string;
  endTime?: string;
}

export interface TrainingEvent {
  sequence: string;
  attempt: number;
  time: string;
  stateChange?: { state: JobState; reason: string; error?: Status };
  epoch?: Epoch;
  checkpoint?: { epoch: number; weightsDigest: string; sizeBytes: string };
  evaluation?: { evaluation: string; accuracy?: number };
  warning?: { reason: string; message: string };
}

export interface WatchMessage {
  event?: { job: string; event: TrainingEvent };
  cursor: string;
}

export interface LayerSpec { units: number; activation: string }

export interface NetworkSpec {
  inputCount: number;
  layers: LayerSpec[];
  bias?: boolean;
  initializer?: Record<string, Record<string, unknown>>;
  seed?: string;
  loss: string;
}

export interface LayerShape {
  inputCount: number;
  unitCount: number;
  biasCount: number;
  parameterCount: string;
  activation: string;
}

export interface Network {
  name: string;
  spec: NetworkSpec;
  layerShapes: LayerShape[];
  parameterCount: string;
}

export interface ImageShape { height: number; width: number }

export interface Dataset {
  name: string;
  state: 'UPLOADING' | 'INGESTING' | 'ACTIVE' | 'FAILED';
  upload?: { format: string; separateLabels: boolean };
  generator?: { kind: string; rowCount: string; seed: string; noise?: number };
  task: string;
  rowCount: string;
  featureCount: number;
  classCount: number;
  labelHistogram: string[];
  imageShape?: ImageShape;
  targetCount: number;
  digest: string;
  featureType: string;
  autoInputScaling: string;
  sizeBytes: string;
  error?: Status;
  parts: { kind: string; committedBytes: string; finished: boolean }[];
  createTime: string;
  visibility: 'VISIBILITY_UNSPECIFIED' | 'PRIVATE' | 'CLASS' | 'HIDDEN';
  hiddenPolicy?: { showConfusionMatrix: boolean; evaluationsPerDay: number };
}

export interface Row { row: string; features: number[]; label?: number; targets: number[] }

export interface Evaluation {
  name: string;
  state: 'RUNNING' | 'SUCCEEDED' | 'FAILED';
  dataset: string;
  epoch?: number;
  rowCount: string;
  cost: number;
  meanCost: number;
  accuracy?: number;
  confusionMatrix?: { size: number; counts: string[] };
  scorecard?: { success: string[]; failure: string[] };
  classMetrics: { classIndex: number; support: string; precision: number; recall: number; f1: number }[];
  regression?: { rSquared?: number; meanAbsoluteError: number; rootMeanSquaredError: number };
  misclassifiedCount: string;
  /** Of a hidden dataset: what its policy does not allow is left out. */
  limited: boolean;
  error?: Status;
  createTime: string;
}

export interface Misclassified { row: string; label: number; predicted: number }

export interface Prediction { outputs: number[]; classIndex?: number; label?: number; targets?: number[] }

export interface QueueEntry {
  job: string;
  running: boolean;
  position: number;
  reason: string;
  estimate?: string;
  priority: number;
}

export interface Queue {
  slots: number;
  entries: QueueEntry[];
  runningCount: number;
  queuedCount: number;
  userCount: number;
}

/** Upper bounds, or what is used of them. */
export interface Usage {
  datasetBytes?: string;
  checkpointBytes?: string;
  queuedJobs?: number;
  runningJobs?: number;
  streams?: number;
}

export interface User {
  name: string;
  displayName: string;
  role: 'STUDENT' | 'INSTRUCTOR' | 'ADMIN';
  effectiveQuota?: Usage & { cpuSecondsPerDay?: number };
  usage?: Usage & { cpuSecondsToday: number };
}
