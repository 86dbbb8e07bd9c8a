// Trains a network on a Trainyard server, follows it, and prints the confusion
// matrix.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"

	pb "trainyard.example/trainyardv1"
)

const me = "users/me"

// How long a server may be away.
const patience = 30 * time.Second

type options struct {
	id, dataset, network string
	rows, epochs         int
	rate                 float64
}

type client struct {
	datasets    pb.DatasetServiceClient
	networks    pb.NetworkServiceClient
	training    pb.TrainingServiceClient
	evaluations pb.EvaluationServiceClient
}

func main() {
	var server, authority string
	var o options
	flag.StringVar(&server, "server", or(os.Getenv("TRAINYARD_SERVER"), "127.0.0.1:7700"), "HOST:PORT")
	flag.StringVar(&authority, "authority", "", "PEM file of a class's authority; plaintext without it")
	flag.StringVar(&o.id, "id", "go", "prefix of what is made")
	flag.IntVar(&o.rows, "rows", 1000, "rows to make")
	flag.IntVar(&o.epochs, "epochs", 5, "passes over them")
	flag.Float64Var(&o.rate, "learning-rate", 0.1, "step size")
	flag.Parse()

	connection, err := connect(server, authority, os.Getenv("TRAINYARD_TOKEN"))
	if err != nil {
		log.Fatal(err)
	}
	defer connection.Close()
	c := &client{
		pb.NewDatasetServiceClient(connection), pb.NewNetworkServiceClient(connection),
		pb.NewTrainingServiceClient(connection), pb.NewEvaluationServiceClient(connection),
	}
	if err := run(context.Background(), c, o); err != nil {
		log.Fatal(err)
	}
}

// connect opens a channel: to a server on this machine that has one user, or with an
// authority and a token to a class's.
func connect(server, authority, secret string) (*grpc.ClientConn, error) {
	options := []grpc.DialOption{
		// Finds out that the other side is gone where nothing says so.
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 30 * time.Second, Timeout: 20 * time.Second}),
	}
	if authority == "" {
		return grpc.NewClient(server, append(options, grpc.WithTransportCredentials(insecure.NewCredentials()))...)
	}
	// The authority signs for one server, whatever name it is reached by.
	tls, err := credentials.NewClientTLSFromFile(authority, "trainyard")
	if err != nil {
		return nil, err
	}
	options = append(options, grpc.WithTransportCredentials(tls))
	if secret != "" {
		options = append(options, grpc.WithPerRPCCredentials(token(secret)))
	}
	return grpc.NewClient(server, options...)
}

// token goes with every call, over TLS only.
type token string

func (t token) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer " + string(t)}, nil
}

func (token) RequireTransportSecurity() bool { return true }

func run(ctx context.Context, c *client, o options) error {
	if err := c.makeData(ctx, &o); err != nil {
		return err
	}
	job, err := c.training.CreateTrainingJob(ctx, &pb.CreateTrainingJobRequest{
		Parent: me,
		JobId:  o.id,
		Job: &pb.TrainingJob{Spec: &pb.TrainingJobSpec{
			Network: o.network, Dataset: o.dataset,
			Epochs: pointer(int32(o.epochs)), LearningRate: &o.rate,
		}},
		RequestId: o.id,
	})
	if err != nil {
		return err
	}
	if err := c.watch(ctx, job.Name); err != nil {
		return err
	}
	return c.evaluate(ctx, job.Name, o.dataset)
}

// makeData makes digits and a network for them, and puts their names in o.
func (c *client) makeData(ctx context.Context, o *options) error {
	dataset, err := c.datasets.CreateDataset(ctx, &pb.CreateDatasetRequest{
		Parent:    me,
		DatasetId: o.id + "-digits",
		Dataset: &pb.Dataset{Source: &pb.Dataset_Generator{Generator: &pb.GeneratorSource{
			Kind: pb.GeneratorSource_DIGITS, RowCount: int64(o.rows), Seed: 1,
		}}},
	})
	for err == nil && dataset.State == pb.Dataset_INGESTING {
		time.Sleep(20 * time.Millisecond)
		dataset, err = c.datasets.GetDataset(ctx, &pb.GetDatasetRequest{Name: dataset.Name})
	}
	if err != nil {
		return err
	}
	if dataset.State != pb.Dataset_ACTIVE {
		return fmt.Errorf("%s is %s: %s", dataset.Name, dataset.State, dataset.Error.GetMessage())
	}
	network, err := c.networks.CreateNetwork(ctx, &pb.CreateNetworkRequest{
		Parent:    me,
		NetworkId: o.id + "-net",
		Network: &pb.Network{Spec: &pb.NetworkSpec{
			InputCount: 784,
			Layers:     []*pb.LayerSpec{{Units: 200}, {Units: 10}},
		}},
	})
	if err != nil {
		return err
	}
	o.dataset, o.network = dataset.Name, network.Name
	return nil
}

// watch prints a job's events until it has ended. The last sequence that was seen is
// the cursor: a stream that breaks is opened again after it.
func (c *client) watch(ctx context.Context, job string) error {
	var cursor int64
	since := time.Now()
	for {
		err := c.read(ctx, job, &cursor, &since)
		if err == io.EOF {
			return nil
		}
		if status.Code(err) != codes.Unavailable || time.Since(since) > patience {
			return err
		}
		fmt.Fprintf(os.Stderr, "interrupted after event %d\n", cursor)
		time.Sleep(250 * time.Millisecond)
	}
}

// read reads one stream to its end, which is io.EOF where the job has ended.
func (c *client) read(ctx context.Context, job string, cursor *int64, since *time.Time) error {
	stream, err := c.training.WatchTrainingJob(ctx, &pb.WatchTrainingJobRequest{
		Name: job, AfterSequence: *cursor,
	})
	for err == nil {
		var message *pb.WatchTrainingJobResponse
		if message, err = stream.Recv(); err != nil {
			break
		}
		*since = time.Now()
		if event := message.GetEvent(); event != nil {
			*cursor = event.Sequence
			show(event)
		}
	}
	return err
}

func show(event *pb.TrainingEvent) {
	switch {
	case event.GetEpoch() != nil:
		fmt.Printf("%d epoch %d cost %g\n", event.Sequence, event.GetEpoch().Epoch, event.GetEpoch().Cost)
	case event.GetStateChange() != nil:
		fmt.Printf("%d %s\n", event.Sequence, event.GetStateChange().State)
	default:
		fmt.Printf("%d -\n", event.Sequence)
	}
}

// evaluate prints how well the job's weights do on a dataset.
func (c *client) evaluate(ctx context.Context, job, dataset string) error {
	evaluation, err := c.evaluations.CreateEvaluation(ctx, &pb.CreateEvaluationRequest{
		Parent: job, Evaluation: &pb.Evaluation{Dataset: dataset},
	})
	for err == nil && evaluation.State == pb.Evaluation_RUNNING {
		time.Sleep(20 * time.Millisecond)
		evaluation, err = c.evaluations.GetEvaluation(ctx, &pb.GetEvaluationRequest{Name: evaluation.Name})
	}
	if err != nil {
		return err
	}
	if evaluation.State != pb.Evaluation_SUCCEEDED {
		return fmt.Errorf("%s: %s", evaluation.State, evaluation.Error.GetMessage())
	}
	fmt.Printf("accuracy %.4f\nconfusion matrix\n", evaluation.GetAccuracy())
	matrix := evaluation.ConfusionMatrix
	for row := int32(0); row < matrix.Size; row++ {
		counts := matrix.Counts[row*matrix.Size : (row+1)*matrix.Size]
		fmt.Println(strings.Trim(fmt.Sprint(counts), "[]"))
	}
	return nil
}

func or(value, otherwise string) string {
	if value != "" {
		return value
	}
	return otherwise
}

func pointer[T any](value T) *T { return &value }
